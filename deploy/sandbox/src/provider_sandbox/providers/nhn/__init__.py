"""NHN Cloud KakaoTalk Bizmessage, alimtalk API v2.3."""
